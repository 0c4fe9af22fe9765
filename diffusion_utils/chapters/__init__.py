"""What one chapter shows and nothing else imports."""
