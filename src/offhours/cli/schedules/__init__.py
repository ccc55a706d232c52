"""`offhours schedule`: make schedules, ask about them, steer them."""
