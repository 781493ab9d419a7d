"""The arithmetic of a corrector as ONNX graphs, made of a model's shape and the places of its weights in their files.

``protobuf``        writes ONNX's file format, so that neither exporting nor loading needs the onnx package
``graph_builder``   nodes, constants and weights of one graph
``arithmetic``      products with matrices in float32 or int8
``blocks``          embeddings, attention and feed-forward layers
``encoder_graph``, ``decoder_graph``, ``output_graph``  the three graphs of a corrector
"""
