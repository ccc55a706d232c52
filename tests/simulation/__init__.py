"""A seeded world in one thread: the real engine, stepped, broken, and watched after every step."""
