"""Small made-up tables in the shape of the published ones."""

import gzip
from pathlib import Path

ORDERS = "olist_orders_dataset.csv"
ITEMS = "olist_order_items_dataset.csv"
PAYMENTS = "olist_order_payments_dataset.csv"
CUSTOMERS = "olist_customers_dataset.csv"
PRODUCTS = "olist_products_dataset.csv"
SELLERS = "olist_sellers_dataset.csv"
CENTROIDS = "zip_prefix_centroids.csv"

HEADERS = {
    ORDERS: "order_id,customer_id,order_status,order_purchase_timestamp",
    ITEMS: "order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value",
    PAYMENTS: "order_id,payment_sequential,payment_type,payment_installments,payment_value",
    CUSTOMERS: "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,"
    "customer_state",
    PRODUCTS: "product_id,product_category_name,product_weight_g,product_length_cm,"
    "product_height_cm,product_width_cm",
    SELLERS: "seller_id,seller_zip_code_prefix,seller_city,seller_state",
    CENTROIDS: "zip,lat,lng,points,city,state",
}
ROWS = {
    ORDERS: [
        "late,c2,delivered,2018-01-02 10:00:00",
        "early,c1,delivered,2018-01-01 10:00:00",
        "empty,c1,unavailable,2018-01-03 10:00:00",
        "off,c2,canceled,2018-01-04 10:00:00",
        "moving,c1,shipped,2018-01-05 10:00:00",
        "unpaid,c1,delivered,2018-01-06 10:00:00",
    ],
    ITEMS: [
        "early,1,pa,s1,x,10.5,1.5",
        "early,2,pa,s1,x,10.50,1.5",
        "early,3,pb,s1,x,7,0",
        "late,1,pb,s1,x,20.0,5.00",
        "off,1,pb,s1,x,20.0,5.00",
        "moving,1,pc,s1,x,20.0,5.00",
        "unpaid,1,pc,s1,x,20.0,5.00",
    ],
    PAYMENTS: [
        "early,2,voucher,1,11.00",
        "early,1,credit_card,3,20.00",
        "early,3,voucher,1,0.0",
        "late,1,boleto,1,27.50",
        "empty,1,credit_card,1,9.00",
        "off,1,debit_card,1,25.00",
        "moving,1,credit_card,1,24.00",
    ],
    CUSTOMERS: ["c1,u1,1001,sao paulo,SP", "c2,u2,20099,rio de janeiro,RJ"],
    PRODUCTS: ["pa,casa_conforto,300,16,10,14", "pb,,,,,"],
    SELLERS: ["s1,01001,sao paulo,SP", "s2,01001,sao paulo,SP", "s3,80010,curitiba,PR"],
    CENTROIDS: ["01001,-23.5,-46.6,3,sao paulo,SP", "20031,-22.9,-43.1,2,rio de janeiro,RJ"],
}


def write_folder(
    folder: Path, changed: dict[str, list[str]] | None = None, *, packed: bool = False
) -> Path:
    """The tables with some of them replaced; an empty replacement leaves the table out."""
    for name, rows in (ROWS | (changed or {})).items():
        if not rows:
            continue
        text = "\n".join([HEADERS[name], *rows]) + "\n"
        if packed:
            with gzip.open(folder / f"{name}.gz", "wt", encoding="utf-8") as file:
                file.write(text)
        else:
            (folder / name).write_text(text, encoding="utf-8")
    return folder
