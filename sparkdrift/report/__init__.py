"""What people read: text from the result tables (pages and plots join it here)."""
