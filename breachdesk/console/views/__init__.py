"""What templates show: labels, times, charts, forms and navigation."""
