"""`offhours` and `offhours_worker`."""
