"""What `offhours demo` shows, and how it knows that it was so."""
