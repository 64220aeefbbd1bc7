"""The query language of a DHuS hub: as much of Apache Solr as its searches use.

`matches` of the module `matching` is all that anybody needs; the rest is parser, field types,
date mathematics and shapes. Nothing here knows a client's code, so that it can judge it.
"""
