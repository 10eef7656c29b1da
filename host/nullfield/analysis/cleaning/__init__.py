"""Taking away what is not the heart; each step tells what it removed."""
