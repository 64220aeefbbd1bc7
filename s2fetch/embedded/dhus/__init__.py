"""A hub that runs the Data Hub Software (DHuS), in one process, over a folder of products."""
