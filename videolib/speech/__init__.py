"""From sound to subtitles, and searching them."""
