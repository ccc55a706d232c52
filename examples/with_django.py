"""A Django project in one file: newcomers are welcomed once their row is committed.

    cd examples
    python with_django.py                             one newcomer, from end to end
    python with_django.py migrate
    python with_django.py createsuperuser
    python with_django.py runserver                   serve; the page is at /offhours/, for staff
    python with_django.py offhours_worker             work, in as many processes as you like
    python with_django.py offhours ls
    gunicorn --workers 4 with_django:application      serve with four

In a project of several files the settings stand in `settings.py`, and the tasks in the `tasks.py`
of any application, where they are found.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django
from django.conf import settings

HERE = Path(os.environ.get("SHOP_FOLDER", Path(__file__).parent))

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "offhours.integrations.django",
]
MIDDLEWARE = [
    "offhours.integrations.django.middleware.foreground",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
OFFHOURS = {"db": HERE / "shop-jobs.db", "exclude": ["/health"]}
TEMPLATE_VARIABLES = [
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
]

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["localhost", "127.0.0.1"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": HERE / "shop.db"}},
        INSTALLED_APPS=INSTALLED_APPS,
        MIDDLEWARE=MIDDLEWARE,
        OFFHOURS=OFFHOURS,
        ROOT_URLCONF=__name__,
        SECRET_KEY=os.environ.get("SHOP_KEY", "change me before anybody else can reach it"),
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": TEMPLATE_VARIABLES},
            }
        ],
        USE_TZ=True,
    )
    django.setup()

from django.contrib import admin  # noqa: E402  (Django must know its settings first)
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command, execute_from_command_line  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import transaction  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402

from offhours.integrations.django import app, submit_on_commit  # noqa: E402


@app.task(retries=3)
def welcome(user_id: int) -> str:
    """Welcome somebody. A task uses models as a view does."""
    return f"welcome, {User.objects.get(id=user_id).username}"


@csrf_exempt
@transaction.atomic
def join(request: HttpRequest) -> JsonResponse:
    """Somebody joins. Were this rolled back, nobody would be welcomed."""
    user = User.objects.create_user(request.POST["name"])
    submit_on_commit(welcome.options(unique=f"welcome {user.id}"), user.id)
    return JsonResponse({"user": user.id}, status=201)


def health(request: HttpRequest) -> JsonResponse:
    """Say which process this is."""
    return JsonResponse({"process": os.getpid()})


urlpatterns = [
    path("admin/", admin.site.urls),
    path("offhours/", include("offhours.integrations.django.urls")),
    path("join", join),
    path("health", health),
]
application = get_wsgi_application()


def main() -> None:
    """Somebody joins and is welcomed."""
    from django.test import Client

    call_command("migrate", verbosity=0)
    name = f"ann-{User.objects.count()}"
    Client(headers={"host": "localhost"}).post("/join", {"name": name})
    [job] = app.jobs(limit=1)
    print(app.why(job.id))
    with app:
        print(app.job(job.id).result("20s"))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        execute_from_command_line(sys.argv)
    else:
        main()
