mod spoken;
