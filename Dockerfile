FROM python:3.12-slim AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /app
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY domain domain
COPY workflows workflows
COPY activities activities
COPY db db
COPY api api
COPY workers workers
COPY sandbox sandbox
RUN uv sync --frozen --no-dev --no-editable --compile-bytecode

FROM python:3.12-slim
RUN useradd --system --no-create-home oms
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH
USER oms
CMD ["oms", "api"]
