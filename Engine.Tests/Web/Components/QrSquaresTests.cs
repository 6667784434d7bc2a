using Hyperpatch.Web.Components.Shared;

namespace Hyperpatch.Engine.Tests.Web.Components;

public sealed class QrSquaresTests
{
    [Fact]
    public void The_three_finder_patterns_and_the_quiet_zone_are_where_cameras_look_for_them()
    {
        QrSquares squares = QrSquares.Of("http://127.0.0.1:5080/login?t=0123456789")!;
        bool[,] dark = Draw(squares);
        int size = squares.Size;
        for (int i = 0; i < size; i++)
        {
            for (int edge = 0; edge < 4; edge++)
            {
                Assert.False(dark[edge, i] || dark[size - 1 - edge, i] || dark[i, edge] || dark[i, size - 1 - edge], $"quiet zone at {i}");
            }
        }

        foreach ((int left, int top) in ((int, int)[])[(4, 4), (size - 11, 4), (4, size - 11)])
        {
            for (int y = 0; y < 7; y++)
            {
                for (int x = 0; x < 7; x++)
                {
                    // Dark, light, dark: rings around a square of three.
                    int ring = Math.Min(Math.Min(x, y), Math.Min(6 - x, 6 - y));
                    Assert.Equal(ring != 1, dark[top + y, left + x]);
                }
            }
        }
    }

    [Fact]
    public void What_is_too_long_has_none() => Assert.Null(QrSquares.Of(new string('x', 801)));

    private static bool[,] Draw(QrSquares squares)
    {
        bool[,] dark = new bool[squares.Size, squares.Size];
        foreach (string run in squares.Path.Split('z', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = run.Split('M', ' ', 'h', 'v');
            (int x, int y, int width) = (Number(parts[1]), Number(parts[2]), Number(parts[3]));
            for (int i = 0; i < width; i++)
            {
                dark[y, x + i] = true;
            }
        }

        return dark;
    }

    private static int Number(string text) => int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
