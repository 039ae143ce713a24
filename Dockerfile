# One image for every part. Stage one builds the wheel, stage two holds only what runs.
FROM python:3.11-slim AS build
WORKDIR /source
COPY requirements/dev.txt requirements/dev.txt
RUN pip install --no-cache-dir --require-hashes -r requirements/dev.txt
COPY . .
RUN pip wheel --no-build-isolation --no-deps --wheel-dir /wheels .

FROM python:3.11-slim
COPY requirements/app.txt /tmp/app.txt
RUN pip install --no-cache-dir --require-hashes -r /tmp/app.txt
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --no-deps /wheels/*.whl && useradd --create-home desk && install -d -o desk /data
USER desk
ENV BREACHDESK_DATA_DIR=/data BREACHDESK_CONSOLE_HOST=0.0.0.0
VOLUME /data
ENTRYPOINT ["breachdesk"]
CMD ["run"]
