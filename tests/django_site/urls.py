"""Its addresses."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from tests.django_site.shop.models import Order
from tests.django_site.shop.tasks import ship

from offhours.integrations.django.middleware import requests_in_front


def inside(request: HttpRequest) -> HttpResponse:
    """How many requests are in front now."""
    return HttpResponse(str(requests_in_front().inside))


def order(request: HttpRequest) -> HttpResponse:
    """Order something, and have it shipped."""
    made = Order.objects.create(what=request.POST["what"])
    return HttpResponse(str(ship.submit(made.id).id))


urlpatterns = [
    path("back/", include("offhours.integrations.django.urls")),
    path("health", inside),
    path("inside", inside),
    path("order", order),
]
