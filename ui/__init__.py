"""Shared Streamlit code: frame and menu, choices kept in the URL, and a panel a file."""
