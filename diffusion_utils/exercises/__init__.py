"""The checks of the chapters' exercises, one file a chapter, so that a stub does not hold its own answer.

Each check takes what the reader wrote and prints "Exercise 1 passes." or what is off.
"""
