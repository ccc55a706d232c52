"""Routes that the source documents name, kept to the letter, over the faces of those documents."""
