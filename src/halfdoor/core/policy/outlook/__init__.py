"""What would change the answer: flip points, measurements, the worth of knowing."""
