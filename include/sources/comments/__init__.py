"""Comments on posts of social platforms, as scrapers export them: files of an inbox, and datasets of Apify."""
