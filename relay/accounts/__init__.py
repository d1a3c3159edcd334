"""Who may call: people, organisations, projects and the API keys that stand for them.

It decides who a caller is. It knows nothing of what they ask for or what it costs.
"""
