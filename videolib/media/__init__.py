"""Looking into videos: frames, pictures, sound, and the artifacts that are made of them."""
