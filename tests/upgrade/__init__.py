"""What earlier versions wrote, opened by this one. make.py keeps the images of a version.

images/0.1.0.zip was made before the first release, by the sources that are called 0.1.0.
"""
