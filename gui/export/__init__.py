"""Out of the app: pictures, films, numbers, weights, scripts and reports of what is on the bench."""
