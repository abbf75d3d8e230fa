"""Signs and forms on paper, for windows without terminal and for who would rather write. Needs the extra `paper`."""
