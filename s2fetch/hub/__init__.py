"""Remote archives: one module per protocol behind the small interface of `hub.base`."""
