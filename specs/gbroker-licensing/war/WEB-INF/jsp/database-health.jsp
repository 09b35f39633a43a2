<%@ page contentType="text/plain; charset=UTF-8" %>
<%@ include file="about.jspf" %>
<%
    try (java.sql.Connection database = database();
            java.sql.Statement statement = database.createStatement();
            java.sql.ResultSet row = statement.executeQuery("SELECT COUNT(*) FROM entries")) {
        row.next();
        out.print("ok " + name() + " sees " + row.getLong(1) + " entries");
    } catch (Exception problem) {
        log("database", problem);
        response.setStatus(503);
        out.print("the database does not answer");
    }
%>
