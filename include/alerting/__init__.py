"""What people are told when something breaks, to whom it goes, and when it is over."""
