"""Pure words and pictures: findings in, bytes and text out."""
