"""What is stored."""

from django.db import models


class Order(models.Model):
    """Something that was ordered."""

    what = models.CharField(max_length=50)
    shipped = models.BooleanField(default=False)
