"""Hubs that run the Data Hub Software (DHuS), of every generation that is still met.

The generations differ in statuses and shapes, so that what they mean is read from their words and
from what they do, never from a status or a version number alone.
"""
