"""The links that residents send to those whom they have invited: a pass on a guest's telephone."""
