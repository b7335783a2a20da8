"""A world of social comments of our own making, its exports in every format, and Apify's dataset API."""
