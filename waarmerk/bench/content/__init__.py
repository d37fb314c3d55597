"""What is marked: pictures, sounds and texts of a user's folder, or what comes with the package."""
