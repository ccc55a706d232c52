"""Places where jobs run. Each pulls from its source as its slots allow."""
