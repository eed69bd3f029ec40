"""What an agent may call: search, read_page, read_pdf, view_image."""
