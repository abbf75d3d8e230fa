"""Models of the chips on the boards, each named after its chip and written from its datasheet."""
