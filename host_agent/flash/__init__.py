"""Takes bare boards to working windows: base image, files, provisioning, self-test and labels, many boards at once."""
