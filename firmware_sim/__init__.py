"""The physical world as a product: boards, parts and people that behave like the real ones, in virtual or real time."""
