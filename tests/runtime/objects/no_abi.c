/* A shared object that has nothing to do with this library. */
int something(void);

int something(void)
{
    return 1;
}
