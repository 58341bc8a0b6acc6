# One image for every process: the command says which. The one-machine stack is not in it.
FROM python:3.11-slim AS build
# The version that scripts/bootstrap installs.
RUN pip install --no-cache-dir uv==0.13.9
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
WORKDIR /app
# What rarely changes comes first, so that a change of ours does not install the world anew.
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --frozen --no-dev --extra otel --no-install-project --compile-bytecode
COPY domain domain
COPY wording wording
COPY workflows workflows
COPY activities activities
COPY db db
COPY api api
COPY workers workers
COPY sandbox sandbox
RUN uv sync --frozen --no-dev --extra otel --no-editable --compile-bytecode

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home oms
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
EXPOSE 7080
CMD ["oms", "api"]
