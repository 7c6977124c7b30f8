"""A door for other agents: tools of the Model Context Protocol over standard input and output. They look, plan and ask; nothing here executes."""
