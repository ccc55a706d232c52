"""Its settings."""

from importlib.util import find_spec

SECRET_KEY = "for tests only, and long enough for them"
ALLOWED_HOSTS = ["testserver", "shop.example.org"]
ROOT_URLCONF = "tests.django_site.urls"
USE_TZ = True
IN_MEMORY = "file:shop?mode=memory&cache=shared"  # one for all threads
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": IN_MEMORY}}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "offhours.integrations.django",
    "tests.django_site.shop",
]
MIDDLEWARE = [
    "offhours.integrations.django.middleware.foreground",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
OFFHOURS = {"db": ":memory:", "executor": "inline", "linger": "1ms", "exclude": ["/health"]}
TASKS = {
    "default": {
        "BACKEND": "offhours.integrations.django.backend.OffhoursBackend",
        "QUEUES": ["default", "mail"],
    }
}
if find_spec("django.tasks") is None:
    INSTALLED_APPS.append("django_tasks")
