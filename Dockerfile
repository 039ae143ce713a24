# One image for every part, chosen by its command. The embedded system by default:
#   docker build -t breachdesk:0.1.0 .
# The distributed one, with the clients of Kafka and PostgreSQL:
#   docker build --build-arg REQUIREMENTS=distributed.txt -t breachdesk:0.1.0-distributed .

FROM python:3.11.13-slim-bookworm AS wheel
WORKDIR /source
COPY requirements requirements
RUN pip install --no-cache-dir --require-hashes -r requirements/dev.txt
COPY pyproject.toml README.md LICENSE ./
COPY breachdesk breachdesk
COPY streams streams
COPY notifiers notifiers
COPY schemas schemas
COPY templates templates
COPY rules rules
RUN pip wheel --no-build-isolation --no-deps --wheel-dir /wheels .

FROM python:3.11.13-slim-bookworm AS packages
ARG REQUIREMENTS=app.txt
WORKDIR /source
COPY requirements requirements
RUN python -m venv --without-pip /opt/breachdesk
RUN pip --python /opt/breachdesk/bin/python install --no-cache-dir --require-hashes \
    -r "requirements/${REQUIREMENTS}"
COPY --from=wheel /wheels /wheels
RUN pip --python /opt/breachdesk/bin/python install --no-cache-dir --no-deps /wheels/*.whl

FROM python:3.11.13-slim-bookworm
LABEL org.opencontainers.image.title="BreachDesk" \
      org.opencontainers.image.description="From a raw log line to a notified customer and a regulator report" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
# Nothing is installed after this: what could install goes.
RUN python -m pip uninstall --yes setuptools wheel pip \
    && groupadd --gid 10001 desk \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin desk \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=packages /opt/breachdesk /opt/breachdesk
ENV PATH=/opt/breachdesk/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BREACHDESK_DATA_DIR=/data \
    BREACHDESK_CONSOLE_HOST=0.0.0.0
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["breachdesk"]
CMD ["run"]
