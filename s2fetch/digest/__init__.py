"""MD5 of two products at a time.

MD5 is most of the CPU time of a download, and two concurrent downloads are the usual case. Where
the installation found a C compiler, `md5.Md5` hashes two of them at little more than the cost of
one; elsewhere it is not there, and everything is hashed one by one with Python's own.
"""
