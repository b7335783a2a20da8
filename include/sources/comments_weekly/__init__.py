"""What the comments of a week say: rankings, alerts, trends and storylines, and the weekly brief made of them."""
