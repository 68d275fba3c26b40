# Other names for `python3 dev.py ...`, for those whose fingers type make.
.PHONY: demo test bench fmt lock
demo test bench fmt lock:
	@python3 dev.py $@
