// Lets functions without a body be linked by their names.
