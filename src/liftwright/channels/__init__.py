"""What leaves the house: one file per channel, the file drop for other systems, and the conversion export. Nothing here decides whom to reach."""
