"""What happens to a decoded sentence before it is given out."""
