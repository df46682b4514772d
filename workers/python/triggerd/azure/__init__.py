"""Runs Azure Functions apps in Python (Kafka triggers) unchanged: `python3 -m triggerd.azure index | run FUNCTION`.

The daemon starts it in the app's folder (lib/wire/PROTOCOL.md, the azure payload). What an app sees is that of the public
package azure-functions, which the app brings along; nothing here is to be imported by an app.
"""
